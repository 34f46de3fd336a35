-- The plugin as a whole: its help names all that there is, nothing is loaded too early, and the cases left nothing out.
local it, eq, has = T.it, T.eq, T.has

local function read(path)
  local file = assert(io.open(T.plugin .. '/' .. path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

--- Runs a fresh Neovim with the plugin on its path; returns what it wrote.
local function fresh(...)
  local out = vim
    .system({
      vim.v.progpath,
      '--clean',
      '--headless',
      '--cmd',
      'set rtp^=' .. vim.fn.fnameescape(T.plugin),
      ...,
    }, { text = true })
    :wait(20000)
  return out.stdout, out.stderr
end

local count = [[+lua local n = {}; for k in pairs(package.loaded) do
  if k:find("^callboard") or k == "vim.lsp" then n[#n + 1] = k end end; io.stdout:write(table.concat(n, " "))]]

it('nothing is loaded before it is used', function()
  eq(fresh((count:gsub('\n', ' ')), '+qa!'), '')
  eq(fresh('+lua require("callboard").statusline()', (count:gsub('\n', ' ')), '+qa!'), 'callboard')
end)

it('there are no keys but the <Plug> maps', function()
  local maps =
    vim.json.decode((fresh(
      [[+lua io.stdout:write(vim.json.encode(vim.tbl_map(function(map)
    return map.lhs end, vim.tbl_filter(function(map)
    return ((map.desc or "") .. (map.rhs or "")):find("Callboard") ~= nil
    end, vim.api.nvim_get_keymap("n")))))]],
      '+qa!'
    )))
  assert(#maps > 10)
  for _, lhs in ipairs(maps) do
    has(lhs, '<Plug>(callboard-')
  end
end)

it('the help has a tag for each subcommand, and names each map, setting and highlight', function()
  local help = read('doc/callboard.txt')
  for name in pairs(require('callboard.command').subs) do
    if name ~= 'health' then
      has(help, ('*:Callboard-%s*'):format(name))
    end
  end
  for name in read('plugin/callboard.lua'):gmatch("\nplug%('([%w-]+)'") do
    has(help, ('<Plug>(callboard-%s)'):format(name))
  end
  local settings = help:match('10%. Settings(.*)11%. Highlights')
  local function named(known, at)
    for key, value in pairs(known) do
      if not settings:find('%f[%w]' .. key .. ' = ') then
        error(('the help does not name the setting %s%s'):format(at, key))
      end
      if type(value) == 'table' and not vim.islist(value) then
        named(value, key .. '.')
      end
    end
  end
  require('callboard.config').setup({})
  named(require('callboard.config').current, '')
  for group in read('lua/callboard/view.lua'):gmatch('\n    (Callboard%w+) = ') do
    has(help, group)
  end
  for name in pairs(require('callboard')) do
    if name ~= 'setup' then
      has(help, ('*callboard.%s()*'):format(name))
    end
  end
end)

it('the help’s tags are found, and its references lead somewhere', function()
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder .. '/doc', 'p')
  assert(vim.uv.fs_copyfile(T.plugin .. '/doc/callboard.txt', folder .. '/doc/callboard.txt'))
  vim.cmd.helptags(folder .. '/doc')
  local tags = {}
  for line in io.lines(folder .. '/doc/tags') do
    tags[line:match('^[^\t]+')] = true
  end
  for line in io.lines(vim.env.VIMRUNTIME .. '/doc/tags') do
    tags[line:match('^[^\t]+')] = true
  end
  vim.opt.runtimepath:prepend(folder)
  vim.cmd.help('callboard')
  has(vim.api.nvim_buf_get_name(0), 'callboard.txt')
  vim.cmd.helpclose()
  vim.opt.runtimepath:remove(folder)
  for reference in read('doc/callboard.txt'):gsub('%[[^%]\n]*%]', ''):gmatch('|([^|%s]+)|') do
    assert(tags[reference], 'there is no help for ' .. reference)
  end
  for line in read('doc/callboard.txt'):gmatch('[^\n]+') do
    assert(vim.fn.strdisplaywidth(line) <= 79, 'too wide: ' .. line)
  end
end)

it('a command completes at every level', function()
  local complete = require('callboard.command').complete
  local function offered(line)
    return complete(line:match('%S*$'), line, #line)
  end
  has(table.concat(offered('Callboard '), ' '), 'diff findings hand-back health inbox')
  eq(offered('Callboard dec'), { 'decide' })
  eq(offered('Callboard decide req'), { 'request-changes' })
  eq(offered('3,4Callboard channel fl'), { 'float' })
  has(table.concat(offered('Callboard decide approve '), ' '), 'once run always')
  eq(offered('Callboard nonsense '), {})
end)

it('every subcommand was run by a case', function()
  -- Where a part of the specs is run there is nothing to tell.
  local left = vim.tbl_filter(function(name)
    return not T.ran[name]
  end, vim.tbl_keys(require('callboard.command').subs))
  table.sort(left)
  eq(T.all and left or {}, {})
end)
