"""What turns examples into weights. Importing this room loads no torch."""
