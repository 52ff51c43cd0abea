"""Who is in the organisation and what they did, for programs."""
