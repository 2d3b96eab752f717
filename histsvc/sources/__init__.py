"""Where events come from that do not come from Kafka: made up, or recorded in a file."""
