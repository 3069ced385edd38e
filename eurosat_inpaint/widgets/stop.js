// Asks the server of JupyterLab or Notebook to interrupt the kernel: a message of a widget would
// wait until the cell that trains has ended. Called with the button.
function (button, kernel) {
  const failed = () => { button.textContent = "Interrupt the kernel (■) to stop"; };
  const settings = document.getElementById("jupyter-config-data");
  button.disabled = true;
  button.textContent = "Stops after this step";
  if (!settings) {
    failed();
    return;
  }
  const [, token] = document.cookie.match(/_xsrf=([^;]*)/) ?? ["", ""];
  const address = `${JSON.parse(settings.textContent).baseUrl}api/kernels/${kernel}/interrupt`;
  fetch(address, { method: "POST", headers: { "X-XSRFToken": token } })
    .then((answer) => answer.ok || failed(), failed);
}
