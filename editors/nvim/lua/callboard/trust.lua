--- Trust of a workspace: Neovim's own list of trusted folders decides, and the server binds it to what was shown.
local client_of = require('callboard.client')
local render = require('callboard.render')

local M = {}

--- Returns a text in lines no wider than they may be, broken between words. Pure.
---@param text string
---@param width integer
---@return string[]
function M.lines(text, width)
  local lines = {}
  for _, given in ipairs(render.lines(text)) do
    local line = ''
    for word in given:gmatch('%S+') do
      if line ~= '' and vim.fn.strdisplaywidth(line .. ' ' .. word) > width then
        table.insert(lines, line)
        line = word
      else
        line = line == '' and word or line .. ' ' .. word
      end
    end
    table.insert(lines, line)
  end
  return lines
end

--- Trusts the workspace, if the person does. `vim.secure` asks where it has not been told before.
function M.ask()
  client_of.with(function(client)
    client_of.request(client, 'callboard/trust', {}, function(shown)
      if shown.trusted then
        client_of.say('this workspace is trusted')
        return
      end
      -- What is allowed stays in sight while Neovim asks: a message would be gone with the next key.
      local win =
        require('callboard.scratch').beside(M.lines(shown.text, 72), 'Trust this workspace?')
      vim.cmd.redraw()
      local trusted = vim.secure.read(client.root_dir or vim.fn.getcwd())
      vim.api.nvim_win_close(win, true)
      if not trusted then
        client_of.say(
          'this workspace is not trusted; nothing of it is read or started',
          vim.log.levels.WARN
        )
        return
      end
      client_of.request(client, 'callboard/trust', { digest = shown.digest }, function()
        client_of.say('this workspace is trusted now')
      end)
    end)
  end)
end

return M
