"""docker-compose.yml played as processes of one machine, where no container engine runs."""
