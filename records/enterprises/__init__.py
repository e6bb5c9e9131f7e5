"""The enterprise file (企业档案, TISC-7.2.4): what is known of each enterprise, from the first contact on, and who said so when and why."""
