"""`python -m lead_temperature` is the command."""

from lead_temperature.command import main

if __name__ == "__main__":
    main()
