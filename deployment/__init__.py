"""What is made for a deployment, and around one: the stages, the release's papers, what it costs."""
