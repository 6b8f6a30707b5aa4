"""What everything rests on: errors, records, coverage, threads, a trace of what ran."""
