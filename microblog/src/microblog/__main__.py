"""`python -m microblog` is the `microblog` command."""

from microblog.cli import main

if __name__ == "__main__":
    main()
