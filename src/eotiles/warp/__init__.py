"""Native pixels to any grid: where each pixel comes from, and what it is made of there."""
