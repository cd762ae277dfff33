"""The box as a whole: who it is, how it is, and the jobs that it runs."""
