"""The guided interview (TISC-7.3.1): from an enterprise's own words to confirmed ratings and a scored diagnosis."""
