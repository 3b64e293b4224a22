# Requests between cities
