# Stays, place codes, case file
