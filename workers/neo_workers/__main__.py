"""`python -m neo_workers` runs one worker process."""

if __name__ == "__main__":
    from neo_workers.worker.main import main

    main()
