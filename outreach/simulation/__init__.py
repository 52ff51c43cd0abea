"""A campaign played over virtual time, in memory: the rules, the calendar and the planner's own."""
