"""What a trained model is: predict, calibrate, band, explain, save and load as text."""
