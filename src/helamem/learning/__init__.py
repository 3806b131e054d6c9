"""What served an answer becomes a lesson."""
