"""What a run measures, keeps and leaves behind, and runs side by side."""
