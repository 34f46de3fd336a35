--- Trust of a workspace: Neovim's own list of trusted folders decides, and the server binds it to what was shown.
local client_of = require('callboard.client')

local M = {}

--- Trusts the workspace, if the person does. `vim.secure` asks where it has not been told before.
function M.ask()
  client_of.with(function(client)
    client_of.request(client, 'callboard/trust', {}, function(shown)
      if shown.trusted then
        client_of.say('this workspace is trusted')
        return
      end
      vim.api.nvim_echo({ { shown.text .. '\n' } }, true, {})
      if not vim.secure.read(client.root_dir) then
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
