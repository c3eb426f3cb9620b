"""What must outlive the process: the inbox, the rows that are the truth, and what was said and done."""
