"""Where hot and warm begin, and what their promises are worth."""
