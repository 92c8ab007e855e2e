"""The eotiles command, one file a verb."""
