// Sends the form on its way. A field may be named "submit", so the method is taken from the prototype.
"use strict";
HTMLFormElement.prototype.submit.call(document.getElementById("form-post"));
