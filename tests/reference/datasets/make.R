# Exports the data sets of limeform/datasets from Debian's R packages lme4, nlme and metadat.
# Run in this folder: Rscript make.R
# Writes ../../../limeform/datasets/<name>.csv and factors.json (levels of every factor, in R's order).
suppressPackageStartupMessages({library(lme4); library(nlme); library(metadat); library(jsonlite)})

target <- "../../../limeform/datasets"

# Order has a meaning for these; in the other ordered factors of nlme it only arranges panels of a plot.
truly_ordered <- list(cake = "temperature", oxboys = "Occasion")

sources <- list(
  sleepstudy = lme4::sleepstudy, dyestuff = lme4::Dyestuff, dyestuff2 = lme4::Dyestuff2, pastes = lme4::Pastes,
  penicillin = lme4::Penicillin, cake = lme4::cake,
  orthodont = nlme::Orthodont, machines = nlme::Machines, oxboys = nlme::Oxboys, bodyweight = nlme::BodyWeight,
  bcg = metadat::dat.bcg, konstantopoulos2011 = metadat::dat.konstantopoulos2011,
  raudenbush1985 = metadat::dat.raudenbush1985, normand1999 = metadat::dat.normand1999,
  viechtbauer2021 = metadat::dat.viechtbauer2021, bangertdrowns2004 = metadat::dat.bangertdrowns2004,
  obrien2003 = metadat::dat.obrien2003, bakdash2021 = metadat::dat.bakdash2021)

as_plain_frame <- function(d) {
  d <- as.data.frame(d)                             # drops the groupedData and escalc classes
  d <- d[setdiff(names(d), c("Title", "DOI", "DTIC.link"))]   # bakdash2021: long texts nobody fits
  names(d) <- gsub(".", "_", names(d), fixed = TRUE)
  for (column in names(d)) attributes(d[[column]]) <- attributes(d[[column]])[c("levels", "class")]
  d
}

factor_levels <- function(name, d) {
  columns <- names(d)[vapply(d, is.factor, TRUE)]
  lapply(setNames(columns, columns), function(column)
    list(ordered = unbox(column %in% truly_ordered[[name]]), levels = levels(d[[column]])))
}

frames <- lapply(sources, as_plain_frame)
for (name in names(frames))
  write.csv(frames[[name]], file.path(target, paste0(name, ".csv")), row.names = FALSE, na = "", fileEncoding = "UTF-8")
factors <- Map(factor_levels, names(frames), frames)
writeLines(toJSON(factors[lengths(factors) > 0], pretty = FALSE), file.path(target, "factors.json"))
for (p in c("lme4", "nlme", "metadat")) cat(p, as.character(packageVersion(p)), "\n")
