"""`python -m lead_temperature` is the command."""

from lead_temperature.command import run

if __name__ == "__main__":
    run()
