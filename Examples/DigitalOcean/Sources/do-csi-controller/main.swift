import DigitalOcean

await digitalOceanProgram.main(.controller)
