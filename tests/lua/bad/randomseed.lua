-- expects: randomseed.lua:2: math.randomseed: pelt seeds the numbers of each user by --seed
math.randomseed(os.time())
