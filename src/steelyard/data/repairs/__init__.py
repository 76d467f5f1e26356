"""The safe repairs of ``data fix``, a file each."""
