# Shared by the make.R of each package: how a case finds its data, how R's column names are written in formulaic's way,
# an independent dense evaluation of the likelihood, and how values.json is written.
suppressPackageStartupMessages(library(jsonlite))

datasets_folder <- "../../../limeform/datasets"

# -- data ------------------------------------------------------------------------------------------------------------
# A recipe is what test_*.py applies too (cases.py): dataset (shipped) or file (beside make.R), then
# assign (column = arithmetic that R and pandas read alike), missing (column = rows counted from 0 that become NA).

recipe <- function(dataset = NULL, file = NULL, assign = NULL, missing = NULL)
  Filter(Negate(is.null), list(dataset = dataset, file = file, assign = assign, missing = missing))

shipped <- function(name) {
  factors <- fromJSON(file.path(datasets_folder, "factors.json"))[[name]]
  types <- setNames(rep("character", length(factors)), names(factors))
  d <- read.csv(file.path(datasets_folder, paste0(name, ".csv")), colClasses = types, na.strings = "", check.names = FALSE)
  for (column in names(factors)) d[[column]] <- factor(d[[column]], factors[[column]]$levels, ordered = factors[[column]]$ordered)
  d
}

case_frame <- function(r) {
  d <- if (is.null(r$dataset)) read.csv(r$file, na.strings = "", stringsAsFactors = TRUE) else shipped(r$dataset)
  for (column in names(r$assign)) d[[column]] <- eval(parse(text = r$assign[[column]]), d)
  for (column in names(r$missing)) d[[column]][r$missing[[column]] + 1] <- NA
  d
}

# as few digits as R needs to read back the number it wrote
shortest <- function(x) {
  text <- sprintf("%.15g", x)
  longer <- !is.na(x) & as.numeric(text) != x
  replace(replace(text, longer, sprintf("%.17g", x[longer])), is.na(x), NA)
}

write_exactly <- function(d, file) {
  numbers <- vapply(d, is.numeric, TRUE)
  d[numbers] <- lapply(d[numbers], shortest)
  write.csv(d, file, row.names = FALSE, na = "", quote = which(!numbers))
}

# -- names -----------------------------------------------------------------------------------------------------------
# "(Intercept)" -> "Intercept", "SexFemale:age" -> "Sex[T.Female]:age", "I(x^2)" -> "I(x ** 2)".
# full: the factors whose columns are a full set of dummies (no intercept beside them), written f[level].

formulaic_piece <- function(piece, d, full) {
  if (piece == "(Intercept)") return("Intercept")
  for (f in names(d)[vapply(d, function(x) is.factor(x) || is.character(x), TRUE)]) {
    levels_of_f <- if (is.factor(d[[f]])) levels(d[[f]]) else sort(unique(d[[f]]))
    hit <- piece == paste0(f, levels_of_f)
    if (any(hit)) return(paste0(f, if (f %in% full) "[" else "[T.", levels_of_f[hit], "]"))
  }
  gsub("^", " ** ", piece, fixed = TRUE)
}

formulaic_names <- function(names_r, d, full = character(), rename = character()) {
  translated <- vapply(strsplit(names_r, ":", fixed = TRUE), function(pieces)
    paste(vapply(pieces, formulaic_piece, "", d = d, full = full), collapse = ":"), "")
  ifelse(names_r %in% names(rename), rename[names_r], translated)
}

# -- an independent likelihood ---------------------------------------------------------------------------------------
# y ~ N(X b, V): generalised least squares with dense matrices, as in any textbook.
# reml follows lme4 (no term in ln|X'X|); reml_with_xtx is the convention of metafor, larger by ln|X'X| / 2.

dense_likelihood <- function(y, X, V) {
  n <- length(y); p <- ncol(X)
  L <- t(chol(V))
  Xs <- forwardsolve(L, X); ys <- forwardsolve(L, y)
  QR <- qr(Xs, tol = 1e-14)
  stopifnot(QR$rank == p)
  A <- crossprod(qr.R(QR)[, order(QR$pivot), drop = FALSE])
  b <- if (p) qr.coef(QR, ys) else numeric()
  rss <- sum((ys - if (p) drop(Xs %*% b) else 0)^2)
  log_det_V <- 2 * sum(log(diag(L)))
  log_det <- function(M) if (p) c(determinant(M)$modulus) else 0
  ml <- -0.5 * (n * log(2 * pi) + log_det_V + rss)
  reml <- -0.5 * ((n - p) * log(2 * pi) + log_det_V + log_det(A) + rss)
  list(ml = ml, reml = reml, reml_with_xtx = reml + 0.5 * log_det(crossprod(X)), beta = b,
       vcov = if (p) chol2inv(qr.R(QR))[order(QR$pivot), order(QR$pivot), drop = FALSE])
}

# Z with columns level by level: all random columns of the first level, then of the second, ...
dense_Z <- function(columns, group) {
  group <- factor(group)
  Z <- matrix(0, nrow(columns), ncol(columns) * nlevels(group))
  k <- ncol(columns)
  for (i in seq_len(nrow(columns))) Z[i, (as.integer(group)[i] - 1) * k + seq_len(k)] <- columns[i, ]
  Z
}

must_agree <- function(what, a, b, tolerance) {
  if (length(a) == 0 && length(b) == 0) return(invisible())
  gap <- max(abs(unlist(a) - unlist(b)) / pmax(1, abs(unlist(b))))
  if (!is.finite(gap) || gap > tolerance) stop(sprintf("%s: gap %.2e above %.0e", what, gap, tolerance))
}

# -- polishing -------------------------------------------------------------------------------------------------------
# Central differences with one Richardson step; h relative to the size of x.

gradient_of <- function(f, x, h = 1e-3) {
  vapply(seq_along(x), function(i) {
    slope <- function(step) { e <- replace(numeric(length(x)), i, step); (f(x + e) - f(x - e)) / (2 * step) }
    step <- h * max(1, abs(x[i]))
    (4 * slope(step / 2) - slope(step)) / 3
  }, 0)
}

hessian_of <- function(f, x, h = 1e-3) {
  H <- vapply(seq_along(x), function(i) {
    step <- h * max(1, abs(x[i])); e <- replace(numeric(length(x)), i, step)
    (gradient_of(f, x + e, h) - gradient_of(f, x - e, h)) / (2 * step)
  }, numeric(length(x)))
  H <- matrix(H, length(x)); (H + t(H)) / 2
}

# Newton steps over the coordinates that are not at their lower bound, as long as the gradient shrinks
newton_polish <- function(f, x, lower = rep(-Inf, length(x)), steps = 8) {
  free <- x > lower + 1e-6
  if (!any(free)) return(x)
  value <- function(z) f(replace(x, free, z))
  z <- x[free]; size <- max(abs(gradient_of(value, z)))
  for (i in seq_len(steps)) {
    H <- hessian_of(value, z)
    if (inherits(try(chol(H), silent = TRUE), "try-error")) break
    proposal <- z - solve(H, gradient_of(value, z))
    if (any(proposal < lower[free])) break
    proposed_size <- max(abs(gradient_of(value, proposal)))
    if (!is.finite(proposed_size) || proposed_size >= size || value(proposal) > value(z) + 1e-9) break
    z <- proposal; size <- proposed_size
  }
  replace(x, free, z)
}

# -- writing ---------------------------------------------------------------------------------------------------------

# I() keeps a vector of length one a JSON array
plain_vector <- function(x) I(unname(if (is.null(x)) numeric() else if (is.factor(x)) as.character(x) else x))
plain_matrix <- function(M) lapply(seq_len(nrow(M)), function(i) I(unname(as.numeric(M[i, ]))))

to_text <- function(x) toJSON(x, digits = I(15), auto_unbox = TRUE, na = "null", null = "null")

write_cases <- function(cases, packages, notes, file = "values.json") {
  versions <- lapply(setNames(packages, packages), function(p) as.character(packageVersion(p)))
  header <- to_text(list(made_by = R.version.string, packages = versions, notes = notes))
  body <- vapply(names(cases), function(id) paste0(to_text(id), ": ", to_text(cases[[id]])), "")
  writeLines(c(paste0('{"about": ', header, ',\n"cases": {'), paste(body, collapse = ",\n"), "}}"), file)
  cat(length(cases), "cases,", file.size(file), "bytes\n")
}
