"""What is answered about a lead, without HTTP and without a clock."""
