"""`python -m serving …` is the same as the `shuzhi` command."""

from serving.cli import main

if __name__ == "__main__":
    main()
