from django.db import migrations

from backhaul.common.sql import tables_sql


class Migration(migrations.Migration):
    initial = True
    dependencies = [("operators", "0001_initial")]
    operations = [migrations.RunSQL(tables_sql("network"))]
