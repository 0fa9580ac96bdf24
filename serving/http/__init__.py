"""The application around the answers: routes, guards, settings, documents."""
