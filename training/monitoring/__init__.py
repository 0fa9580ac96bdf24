"""What came of what was promised: graded when horizons have ended, and watched until then."""
