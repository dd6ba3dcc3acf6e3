-- Sends the requests of a file in turn; each line is a path, the name of a header and its value.
local ready, turn = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, name, value = line:match("([^\t]+)\t([^\t]+)\t([^\t]+)")
    ready[#ready + 1] = wrk.format("GET", path, { [name] = value, ["Origin"] = arguments[2] })
  end
end

function request()
  turn = turn % #ready + 1
  return ready[turn]
end
