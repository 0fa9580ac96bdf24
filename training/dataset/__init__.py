"""What is learned from: snapshots, labels, splits and matrices."""
