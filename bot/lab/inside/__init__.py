"""What is shown to the code under test, inside the jail: files that it imports, and that import nothing of ours."""
