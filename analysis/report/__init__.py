"""The static page: gallery and image explorer."""
