--- Lists that stay current in a window: the runs, the agents.
local client_of = require('callboard.client')
local render = require('callboard.render')
local session_of = require('callboard.session')
local store = require('callboard.store')
local view_of = require('callboard.view')

local M = {}

---@type table<integer, { view: callboard.View, root: string, kind: string }>
local lists = {}

local kinds = {
  runs = {
    of = 'run',
    blocks = function(session)
      local runs = store.sorted(session.store.runs)
      local newest = {}
      for i = #runs, 1, -1 do
        table.insert(newest, runs[i])
      end
      return render.runs(newest)
    end,
    nothing = '  No run yet. :Callboard run starts one.',
    open = function(thing)
      require('callboard.detail').run(thing.id)
    end,
  },
  agents = {
    of = 'agent',
    blocks = function(session)
      -- Those that can do something come first.
      local agents = store.sorted(session.store.agents, function(agent)
        return type(agent.info.missing) ~= 'string'
      end)
      vim.list_extend(
        agents,
        store.sorted(session.store.agents, function(agent)
          return type(agent.info.missing) == 'string'
        end)
      )
      return render.agents(agents, os.time() * 1000)
    end,
    nothing = '  No agent yet. callboard doctor says what is missing.',
    open = function(thing)
      require('callboard.terminal').open(thing.id)
    end,
  },
}

local function draw(bufnr)
  local list = lists[bufnr]
  local session = session_of.at(list.root)
  if not session then
    return
  end
  local blocks = kinds[list.kind].blocks(session)
  if #blocks == 0 then
    blocks =
      { { id = 'none', lines = { kinds[list.kind].nothing }, marks = {}, ends = {}, depth = 0 } }
  end
  view_of.show(list.view, blocks)
end

--- Shows a list.
---@param kind 'runs'|'agents'
function M.open(kind)
  session_of.with(function(session, client)
    local view = view_of.make(client_of.buffer_name(session.root, kind), 'callboard-list')
    local bufnr = view.bufnr
    vim.b[bufnr].callboard_client = client.id
    vim.b[bufnr].callboard_root = session.root
    lists[bufnr] = { view = view, root = session.root, kind = kind }
    vim.keymap.set('n', '<CR>', function()
      local block = view_of.here()
      if block and block.thing then
        kinds[kind].open(block.thing)
      end
    end, { buffer = bufnr, nowait = true, desc = 'Callboard: open' })
    vim.keymap.set(
      'n',
      'q',
      '<Cmd>close<CR>',
      { buffer = bufnr, nowait = true, desc = 'Callboard: close' }
    )
    vim.api.nvim_create_autocmd('BufWipeout', {
      buffer = bufnr,
      once = true,
      callback = function()
        lists[bufnr] = nil
      end,
    })
    local win = require('callboard.channel').window(bufnr, 'split', 15)
    view.follow = false
    for option, value in pairs({
      wrap = true,
      linebreak = true,
      breakindent = true,
      number = false,
      relativenumber = false,
      signcolumn = 'no',
      list = false,
      cursorline = true,
      fillchars = 'eob: ',
    }) do
      vim.api.nvim_set_option_value(option, value, { scope = 'local', win = win })
    end
    draw(bufnr)
    if kind == 'runs' then
      -- Those that ended before this editor came are in no feed.
      client_of.request(client, 'callboard/runs', {}, function(runs)
        session_of.runs(session, runs)
      end)
    end
  end)
end

session_of.listen('lists', function(session, changes)
  for bufnr, list in pairs(lists) do
    if list.root == session.root and (changes.ready or changes[kinds[list.kind].of]) then
      vim.b[bufnr].callboard_client = session.client_id
      vim.schedule(function()
        if lists[bufnr] then
          draw(bufnr)
        end
      end)
    end
  end
end)

return M
