# A process in which one R package runs one job: Rscript driver.R JOB. The protocol is that of driver.py.
job <- jsonlite::fromJSON(commandArgs(trailingOnly = TRUE)[1])

answer <- function(...) {
  cat(jsonlite::toJSON(list(...), auto_unbox = TRUE, digits = NA, na = "null"), "\n", sep = "")
  flush(stdout())
}

# Resident memory in bytes, from Linux's /proc.
status <- function(field) {
  line <- grep(paste0("^", field, ":"), readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) * 1024
}

# A function without arguments: the call that is timed.
prepare <- function(frame) {
  formula <- as.formula(job$formula)
  if (job$package == "metafor") return(function() metafor::rma(yi, vi, data = frame, method = "REML"))
  if (job$task == "fit") return(function() lme4::lmer(formula, frame))
  fitted <- lme4::lmer(formula, frame)
  if (job$task == "bootstrap") {
    parameters <- function(model) c(lme4::fixef(model), as.data.frame(lme4::VarCorr(model))$sdcor)
    return(function() {
      suppressMessages(lme4::bootMer(fitted, parameters, nsim = 1000))
      fitted
    })
  }
  function() lme4::refit(fitted, frame$y_new)
}

timed <- function(call, calls) {
  cat("5", file = "/proc/self/clear_refs")
  cpu <- sum(proc.time()[1:2])
  wall <- as.numeric(Sys.time())
  for (i in seq_len(calls)) fit <- call()
  wall <- as.numeric(Sys.time()) - wall
  cpu <- sum(proc.time()[1:2]) - cpu
  peak <- status("VmHWM")
  answer(calls = calls, wall = wall / calls, cpu = cpu / calls, peak = peak, llf = as.numeric(logLik(fit)))
}

load_data <- function(path) read.csv(path, stringsAsFactors = TRUE)

invisible(loadNamespace(job$package))
if (!is.null(job$warm_up)) prepare(load_data(job$warm_up))()
invisible(gc())
before <- status("VmRSS")
frame <- load_data(job$data)
call <- prepare(frame)
invisible(gc())
answer(
  version = as.character(packageVersion(job$package)), blas = sub("\\.so.*", "", basename(La_library())),
  frame = as.numeric(object.size(frame)), before = before, loaded = status("VmRSS")
)
requests <- file("stdin", "r")
while (length(line <- readLines(requests, 1)) > 0) {
  tryCatch(suppressWarnings(timed(call, as.integer(line))), error = function(e) answer(error = conditionMessage(e)))
}
