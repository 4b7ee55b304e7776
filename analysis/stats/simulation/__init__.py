"""Studies with a planted truth: how often each verdict comes, how often each interval covers."""
