"""What can be typed. Nothing heavy is imported here, so that help is there at once: `actions` does the work."""
