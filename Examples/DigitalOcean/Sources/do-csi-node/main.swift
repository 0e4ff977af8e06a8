import DigitalOcean

await digitalOceanProgram.main(.node)
