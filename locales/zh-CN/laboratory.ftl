# Screening, samples, laboratories
