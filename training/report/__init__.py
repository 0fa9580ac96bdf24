"""The managers' report: figures first, then pictures of them, then the page."""
