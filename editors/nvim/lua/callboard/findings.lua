--- Findings in the quickfix list. What can be done about one is a code action on its line, by Neovim's own client.
local client_of = require('callboard.client')
local render = require('callboard.render')
local session_of = require('callboard.session')
local store = require('callboard.store')

local M = {}

local types = { error = 'E', warning = 'W', info = 'I', hint = 'N' }

--- Returns findings as items of a quickfix list. Pure.
---@param root string
---@param findings callboard.Finding[]
---@return table[]
function M.items(root, findings)
  return vim.tbl_map(function(finding)
    local place = finding.place or {}
    local sources = {}
    for _, source in ipairs(finding.sources or {}) do
      table.insert(
        sources,
        '@' .. (type(source) == 'table' and (source.agent or source.name) or source)
      )
    end
    return {
      filename = place.path and vim.fs.joinpath(root, place.path) or nil,
      lnum = place.line or 0,
      col = place.column or 0,
      end_lnum = place.endLine or 0,
      end_col = place.endColumn or 0,
      type = types[finding.severity] or 'W',
      text = ('%s %s%s%s'):format(
        finding.id,
        finding.state.is == 'open' and '' or '[' .. finding.state.is .. '] ',
        render.line(finding.text),
        #sources > 0 and ' (' .. table.concat(sources, ', ') .. ')' or ''
      ),
      user_data = { finding = finding.id },
    }
  end, findings)
end

--- Fills the quickfix list.
---@param opts { all: boolean?, run: string? }
function M.open(opts)
  session_of.with(function(session, client)
    client_of.request(
      client,
      'callboard/findings',
      { all = opts.all or false, run = opts.run },
      function(findings)
        if #findings == 0 then
          client_of.say('no findings')
          return
        end
        vim.fn.setqflist(
          {},
          ' ',
          { title = 'Callboard findings', items = M.items(session.root, findings) }
        )
        vim.cmd('botright copen')
      end
    )
  end)
end

--- Settles a finding as a code action asks. A dismissal wants a reason, and an editor can take any.
---@param client vim.lsp.Client
---@param given { finding: string, how: string?, reason: string? }
function M.settle(client, given)
  local function send(argument)
    client_of.command(client, 'callboard.dismissFinding', argument)
  end
  if given.reason or (given.how and given.how ~= 'dismiss') then
    return send(given)
  end
  vim.ui.input({
    prompt = ('Why is %s dismissed? The reviewers are told. '):format(given.finding),
  }, function(reason)
    if reason and vim.trim(reason) ~= '' then
      send(vim.tbl_extend('force', given, { reason = reason }))
    end
  end)
end

--- Returns how many findings are open here.
---@return integer
function M.count()
  local session = session_of.get()
  return session
      and #store.sorted(session.store.findings, function(finding)
        return finding.state.is == 'open'
      end)
    or 0
end

return M
