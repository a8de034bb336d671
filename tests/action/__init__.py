"""The GitHub Action and the GitLab job, driven by plain bash and a loopback fake of their servers."""
