-- Measures what the plugin adds to the start of Neovim: `nvim --clean --headless -l tests/startup.lua [TIMES]`. Prints what
-- Neovim's own --startuptime says of plugin/callboard.lua, which is all that is read before first use. Fails where it is not read.
local here = vim.fs.dirname(vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p'))
local plugin = vim.fs.dirname(here)
local times = tonumber(arg[1]) or 30

--- Starts Neovim once; returns how long the plugin's file took, and the whole start, in ms.
local function start()
  local log = vim.fn.tempname()
  vim
    .system({
      vim.v.progpath,
      '--clean',
      '--headless',
      '--startuptime',
      log,
      '--cmd',
      'set rtp^=' .. vim.fn.fnameescape(plugin),
      '+qa!',
    })
    :wait(20000)
  local own, all
  for line in io.lines(log) do
    -- Since the start, with what it sources, by itself.
    local whole = line:match('^%s*[%d.]+%s+([%d.]+)%s+[%d.]+: sourcing .*/plugin/callboard%.lua$')
    own = tonumber(whole) or own
    all = tonumber(line:match('^%s*([%d.]+)%s+[%d.]+: %-%-%- NVIM STARTED')) or all
  end
  vim.fn.delete(log)
  return assert(own, 'plugin/callboard.lua was not read'), assert(all, 'Neovim did not start')
end

local own, all = {}, {}
for i = 1, times do
  own[i], all[i] = start()
end
table.sort(own)
table.sort(all)
local function middle(values)
  return values[math.ceil(#values / 2)]
end
io.stdout:write(
  ('plugin/callboard.lua: %.2f ms of a start of %.1f ms (medians of %d; from %.2f to %.2f ms)\n'):format(
    middle(own),
    middle(all),
    times,
    own[1],
    own[#own]
  )
)
