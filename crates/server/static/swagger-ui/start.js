'use strict'
// No deep links, no validator elsewhere, and a token that is typed in is forgotten with the page.
window.ui = SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  validatorUrl: null,
  persistAuthorization: false,
  docExpansion: 'list',
  presets: [SwaggerUIBundle.presets.apis],
})
