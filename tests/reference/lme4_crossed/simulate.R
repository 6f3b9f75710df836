# Data sets with several grouping factors. Run here: Rscript simulate.R
source("../recording.R")
set.seed(20, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
level <- function(prefix, i) sprintf("%s%02d", prefix, i)

# partly crossed, unbalanced, slopes on both factors, weights
n <- 400
a <- sample(30, n, TRUE, prob = (30:1)^1.5); b <- (a + sample(0:4, n, TRUE)) %% 14 + 1
x <- rnorm(n); z <- runif(n, -1, 2); w <- round(runif(n, 0.3, 4), 2)
A <- matrix(rnorm(60), 30) %*% chol(matrix(c(1, 0.4, 0.4, 0.5), 2)); B <- matrix(rnorm(28), 14) %*% diag(c(0.8, 0.6))
y <- 2 + 0.5 * x - 0.3 * z + A[a, 1] + A[a, 2] * x + B[b, 1] + B[b, 2] * z + rnorm(n) / sqrt(w)
write_exactly(data.frame(y = round(y, 4), x = round(x, 4), z = round(z, 4), w, a = level("a", a), b = level("b", b)), "data/partly_crossed.csv")

# three nested levels and a crossed factor
n <- 500
u <- sample(60, n, TRUE); k <- (u - 1) %/% 4 + 1; s <- (k - 1) %/% 3 + 1; r <- sample(7, n, TRUE)
x <- rnorm(n)
y <- 1 + 0.7 * x + rnorm(5, 0, 1.2)[s] + rnorm(15, 0, 0.7)[k] + rnorm(60, 0, 0.8)[u] + rnorm(7, 0, 0.5)[r] + rnorm(n)
write_exactly(data.frame(y = round(y, 4), x = round(x, 4), school = level("s", s), klass = level("k", k), pupil = level("u", u), rater = level("r", r)), "data/nested_and_crossed.csv")

# teachers and pupils crossed within schools, schools apart
n <- 1200
s <- sample(40, n, TRUE); u <- (s - 1) * 8 + sample(8, n, TRUE); t <- (s - 1) * 3 + sample(3, n, TRUE)
x <- rnorm(n)
y <- 1 + 0.4 * x + rnorm(40, 0, 0.6)[s] + rnorm(320, 0, 0.9)[u] + rnorm(120, 0, 0.5)[t] + rnorm(120, 0, 0.3)[t] * x + rnorm(n)
write_exactly(data.frame(y = round(y, 4), x = round(x, 4), school = sprintf("s%02d", s), pupil = sprintf("u%03d", u), teacher = sprintf("t%03d", t)), "data/apart.csv")

# one of two factors without any variance
n <- 150
a <- sample(15, n, TRUE); b <- sample(10, n, TRUE); x <- rnorm(n)
e <- rnorm(n); e <- residuals(lm(e ~ factor(b)))
y <- 1 + 0.5 * x + rnorm(15)[a] + e
write_exactly(data.frame(y = round(y, 4), x = round(x, 4), a = level("a", a), b = level("b", b)), "data/no_variance.csv")
